import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Lets a group of files import only what fits one of the patterns. */
const only = (files, why, ...allowed) => ({
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [{ regex: `^(?!(${allowed.join('|')})$)`, message: `${why} (see CONTRIBUTING.md, "The rooms")` }] },
    ],
  },
});

const NODE = 'node:.*';
const OWN = '\\./[^/]*';
const CLOUD = '\\.\\./cloud/[^/]*';
const OSS = '\\./oss/[^/]*';
const ECS = '\\./ecs/[^/]*';
const CREDENTIALS = '\\./credentials/[^/]*';
const BELOW = '\\./cloud/[^/]*';
const ACTIONS = '@actions/(core|io)';
const top = (...names) => `\\./(${names.join('|')})\\.ts`;

export default defineConfig(
  { ignores: ['dist/', 'coverage/'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // An input or a variable that is empty is one that is not set.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      'max-lines': ['error', { max: 220, skipBlankLines: false, skipComments: false }],
    },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },

  // The graph of the product: arrows point down only.
  only(['src/cloud/*.ts'], 'cloud knows nothing above it', NODE, OWN),
  only(['src/cloud/rpc.ts'], 'only the RPC door knows pop-core', NODE, OWN, '@alicloud/pop-core'),
  only(['src/disk/*.ts'], 'disk knows only Node', NODE, OWN),
  only(
    ['src/oss/*.ts', 'src/ecs/*.ts', 'src/credentials/*.ts'],
    'a room knows only cloud',
    NODE,
    OWN,
    CLOUD,
    'p-limit',
  ),
  only(['src/oss/client.ts'], 'only the OSS door knows ali-oss', NODE, OWN, CLOUD, 'ali-oss'),
  only(['src/{log,summary,outputs,fields}.ts'], 'what talks to the runner', NODE, BELOW, OWN, ACTIONS),
  only(
    ['src/{inputs,identity,distribution}.ts'],
    'inputs touch no file and no cloud',
    NODE,
    top('fields', 'identity', 'distribution'),
    '\\./credentials/source\\.ts',
  ),
  only(['src/ledger.ts', 'src/advice.ts'], 'plain data', NODE, BELOW),
  only(['src/connect.ts'], 'connect opens doors', NODE, ACTIONS, BELOW, OSS, ECS, CREDENTIALS, top('inputs', 'log')),
  only(
    ['src/{check,cleanup,leftover}.ts'],
    'no stage reaches back',
    NODE,
    BELOW,
    OSS,
    ECS,
    top('connect', 'inputs', 'ledger', 'leftover', 'targets'),
  ),
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'setImmediate'],
      'no-restricted-properties': ['error', { object: 'process', property: 'env' }],
    },
  },
  { files: ['src/cloud/time.ts'], rules: { 'no-restricted-globals': 'off' } },
  { files: ['src/{index,inputs,connect,quiet}.ts'], rules: { 'no-restricted-properties': 'off' } },
  only(['simulator/**/*.ts'], 'the simulator shares nothing with the product', '(?!.*/(src|runner)/).*'),
  only(['runner/*.ts'], 'the runner knows neither the product nor the cloud', NODE, OWN, 'yaml'),
);
