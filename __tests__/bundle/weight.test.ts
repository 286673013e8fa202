import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/scene.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** What the SDKs could bring along and no input could reach: proxies by script, engines for it, stand-ins for Node. */
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

test('the bundle holds no passenger that no input can reach', () => {
  // The name stays for its stand-in; the real one is known by its fetch.
  expect(read('dist/index.js')).not.toContain('undici-fetch');
  const packages = read('dist/licenses.txt').match(/^(@[\w.-]+\/)?[a-z\d][\w.-]*$/gm) ?? [];
  expect(packages).toEqual(expect.arrayContaining(['ali-oss', '@alicloud/pop-core', '@actions/core', 'urllib']));
  expect(packages.filter((name) => PASSENGERS.includes(name))).toEqual([]);
  // What they cannot be without, should the list of licences ever miss one.
  const traits = /FindProxyForURL|QuickJS|asyncify|new XMLHttpRequest|new ActiveXObject/g;
  expect(read('dist/index.js').match(traits) ?? []).toEqual([]);
});

test('the README says how large the bundle is', () => {
  const [, said = ''] = /bundle is (\d+\.\d) MB\b/.exec(read('README.md')) ?? [];
  expect(Math.abs(Buffer.byteLength(read('dist/index.js')) / 1e6 - Number(said))).toBeLessThan(0.1);
});
