import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    // CI runs everything from a fresh clone, so `npm test` need not.
    exclude: process.env.MATRIX === 'whole' ? [] : ['__tests__/fresh-clone.test.ts'],
    // Most tests wait for simulated time. Files share a process, because starting one costs more than most files take.
    maxWorkers: 4,
    isolate: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
