import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    // Simulated time runs up to 200 times as fast as the clock, so that a starved machine can distort it: a failure has to
    // show twice.
    retry: 1,
    // Much of a test is waiting, even in simulated time.
    maxWorkers: 3,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
