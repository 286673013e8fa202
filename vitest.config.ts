import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['__tests__/**/*.test.ts'],
    // CI runs everything from a fresh clone, so `npm test` need not.
    exclude: process.env.MATRIX === 'whole' ? [] : ['__tests__/fresh-clone.test.ts'],
    // Most tests wait for simulated time. Files share a process, because starting one costs more than most files take.
    maxWorkers: 4,
    isolate: false,
    // The python3 of a version manager is a script that starts ten processes; the action starts python3 in each run.
    // The cache saves compile time, because the tests start more than a thousand processes of Node.
    env: {
      PATH: ['/usr/sbin', '/usr/bin', '/sbin', '/bin', process.env.PATH].join(':'),
      NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compile'),
    },
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: ['default', './scripts/summary-reporter.ts'],
  },
});
