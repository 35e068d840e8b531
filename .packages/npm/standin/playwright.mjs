import fixtures from './playwright.js';

export const { expect, test } = fixtures;
