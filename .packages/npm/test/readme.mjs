// Writes the files that a section of the README shows, so that a test can run them: node readme.mjs SECTION FOLDER
//
// A block of JavaScript begins with a comment that names its file. Blocks of JSON become one `package.json`.
import fs from 'node:fs';
import path from 'node:path';

const [section, folder] = process.argv.slice(2);
const readme = fs.readFileSync(new URL('../standin/README.md', import.meta.url), 'utf8');
const sections = readme.split(/^## /m);
const text = (name) => sections.find((one) => one.startsWith(`${name}\n`)) ?? '';
const blocks = (name, language) => [...text(name).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code]) => code);

const parts = [...blocks('Options in one place', 'json'), ...blocks(section, 'json')].map((block) => JSON.parse(block));
fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(Object.assign({ private: true }, ...parts), null, 2));
const files = blocks(section, 'js').filter((code) => /^\/\/ \S+\n/.test(code));
if (files.length === 0) throw new Error(`the section \`${section}\` of the README shows no file`);
for (const code of files) fs.writeFileSync(path.join(folder, /^\/\/ (\S+)/.exec(code)[1]), code);
