import plugin from './cypress.js';

export const { standin } = plugin;
