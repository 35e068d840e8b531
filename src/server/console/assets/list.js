// <standin-list>: a list of any length, whose rows are fetched and drawn as they are seen.
import { fill, html } from './api.js';
import { attempt, localTimes } from './dom.js';

/** Number of rows that are fetched together. */
const PAGE = 100;

/** Number of pages that stay drawn on both sides of the visible ones. */
const BESIDE = 2;

class List extends HTMLElement {
  #pages = new Map();
  #total = 0;
  #round = 0;
  #spacer = document.createElement('div');

  /** Function from an offset and a limit to the path of a page. */
  source = () => '';

  connectedCallback() {
    if (this.#spacer.isConnected) return;
    this.#spacer.className = 'spacer';
    this.append(this.#spacer);
    this.addEventListener('scroll', () => requestAnimationFrame(() => this.#draw()), { passive: true });
    this.addEventListener('keydown', (event) => this.#key(event));
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this);
  }

  disconnectedCallback() {
    this.observer?.disconnect();
  }

  /** Number of rows. */
  get total() {
    return this.#total;
  }

  /** Height of a row, in pixels. */
  get #row() {
    return Number.parseFloat(getComputedStyle(this).getPropertyValue('--row')) || 36;
  }

  /** Fetches the rows again; goes to the first one unless `keep` is set. */
  async reload({ keep = false } = {}) {
    const round = ++this.#round;
    if (!keep) this.scrollTop = 0;
    const first = Math.floor(this.scrollTop / this.#row / PAGE);
    const text = await attempt(() => html('GET', this.source(first * PAGE, PAGE)));
    if (text === undefined || round !== this.#round) return;
    for (const page of this.#pages.values()) page.remove();
    this.#pages.clear();
    this.#insert(first, text);
    this.#draw();
    this.dispatchEvent(new CustomEvent('loaded', { bubbles: true }));
  }

  #insert(number, text) {
    const holder = document.createElement('div');
    fill(holder, text);
    const rows = holder.querySelector('.rows');
    this.#total = Number(rows?.dataset.total ?? 0);
    this.information = rows?.dataset ?? {};
    this.#spacer.style.height = `${this.#total * this.#row}px`;
    holder.className = 'page';
    holder.style.transform = `translateY(${number * PAGE * this.#row}px)`;
    localTimes(holder);
    this.#pages.get(number)?.remove();
    this.#pages.set(number, holder);
    this.append(holder);
    this.mark();
  }

  /** Marks the row of the view that is shown. */
  mark() {
    const name = (hash) => hash.split('?')[0].replace(/^#\/try\//, '#/operations/');
    for (const row of this.querySelectorAll('a[href^="#/"]')) {
      const isShown = name(row.getAttribute('href')) === name(location.hash);
      if (isShown) row.setAttribute('aria-current', 'true');
      else row.removeAttribute('aria-current');
    }
  }

  async #draw() {
    const round = this.#round;
    const height = this.#row * PAGE;
    const last = Math.max(0, Math.ceil(this.#total / PAGE) - 1);
    const from = Math.min(last, Math.floor(this.scrollTop / height));
    const to = Math.min(last, Math.floor((this.scrollTop + this.clientHeight) / height));
    for (const [number, page] of this.#pages) {
      if (number < from - BESIDE || number > to + BESIDE) {
        page.remove();
        this.#pages.delete(number);
      }
    }
    const missing = [];
    for (let number = from; number <= to; number += 1) {
      if (!this.#pages.has(number) && this.#total > 0) missing.push(number);
    }
    await Promise.all(missing.map((number) => this.#fetch(number, round)));
  }

  async #fetch(number, round) {
    this.#pages.set(number, document.createElement('div'));
    const text = await attempt(() => html('GET', this.source(number * PAGE, PAGE)));
    if (round !== this.#round || !this.#pages.has(number)) return;
    if (text === undefined) this.#pages.delete(number);
    else this.#insert(number, text);
  }

  /** Moves the focus to a row, which is fetched if it is not there yet. */
  async focusRow(index) {
    const at = Math.max(0, Math.min(this.#total - 1, index));
    const number = Math.floor(at / PAGE);
    const top = at * this.#row;
    if (top < this.scrollTop) this.scrollTop = top;
    if (top + this.#row > this.scrollTop + this.clientHeight) this.scrollTop = top + this.#row - this.clientHeight;
    if (!this.#pages.get(number)?.children.length) await this.#fetch(number, this.#round);
    const row = this.#pages.get(number)?.querySelectorAll('.rows > li')[at % PAGE];
    row?.querySelector('a')?.focus({ preventScroll: true });
    return Boolean(row?.querySelector('a'));
  }

  async #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[event.key];
    const item = event.target.closest?.('.rows > li');
    if (!step || !item || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const page = item.closest('.page');
    const number = [...this.#pages].find(([, own]) => own === page)?.[0] ?? 0;
    let at = number * PAGE + [...item.parentElement.children].indexOf(item) + step;
    // Headings between the rows have no link.
    for (let tries = 0; tries < 5 && at >= 0 && at < this.#total; tries += 1, at += step) {
      if (await this.focusRow(at)) return;
    }
    if (at < 0) document.querySelector('#list input[type=search]')?.focus();
  }
}

customElements.define('standin-list', List);
