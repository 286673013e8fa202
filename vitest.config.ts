import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    // Simulated time runs up to 200 times as fast as the clock, so that a starved machine can distort it: a failure has to
    // show twice.
    retry: 1,
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
