import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/scene.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Packages that the SDKs depend on and that no input can reach: proxy scripts, engines for them, polyfills for Node. */
const PASSENGERS = [
  ...[
    'proxy-agent',
    'pac-proxy-agent',
    'pac-resolver',
    'degenerator',
    'netmask',
    'get-uri',
    'socks',
    'socks-proxy-agent',
  ],
  ...[
    'vm2',
    '@tootallnate/quickjs-emscripten',
    'quickjs-emscripten',
    'quickjs-wasi',
    'escodegen',
    'esprima',
    'ast-types',
  ],
  ...['stream-http', 'browserify', 'crypto-browserify', 'buffer', 'core-js'],
];

test('the bundle contains no package that no input can reach', () => {
  // The stub has the same name; only the real package has a fetch.
  expect(read('dist/index.js')).not.toContain('undici-fetch');
  const packages = read('dist/licenses.txt').match(/^(@[\w.-]+\/)?[a-z\d][\w.-]*$/gm) ?? [];
  expect(packages).toEqual(expect.arrayContaining(['ali-oss', '@alicloud/pop-core', '@actions/core', 'urllib']));
  expect(packages.filter((name) => PASSENGERS.includes(name))).toEqual([]);
  // Code that these packages always contain, in case the list of licenses misses one.
  const traits = /FindProxyForURL|QuickJS|asyncify|new XMLHttpRequest|new ActiveXObject/g;
  expect(read('dist/index.js').match(traits) ?? []).toEqual([]);
});

test('the README has the size of the bundle', () => {
  const [, said = ''] = /bundle is (\d+\.\d) MB\b/.exec(read('README.md')) ?? [];
  expect(Math.abs(Buffer.byteLength(read('dist/index.js')) / 1e6 - Number(said))).toBeLessThan(0.1);
});
