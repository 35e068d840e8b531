import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { globalSetup: ['standin/vitest/global-setup'], pool: process.env.POOL ?? 'forks', maxWorkers: 3, fileParallelism: true },
});
