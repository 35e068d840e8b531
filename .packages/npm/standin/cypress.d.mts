export * from './cypress.js';
