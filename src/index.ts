import { hello } from './main.ts';
hello().catch((e: unknown) => { console.error(e); process.exitCode = 1; });
