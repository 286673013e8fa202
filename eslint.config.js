import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Lets a group of files import only what fits one of the patterns. */
const only = (files, why, ...allowed) => ({
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [{ regex: `^(?!(${allowed.join('|')})$)`, message: `${why} (see CONTRIBUTING.md, "Architecture")` }],
      },
    ],
  },
});

const NODE = 'node:.*';
const OWN = '\\./[^/]*';
/** A file of one of these folders, from a folder `up` levels below src. */
const of = (up, ...folders) => `${'\\.\\./'.repeat(up)}(${folders.join('|')})/[^/]*`;
const ROOMS = ['disk', 'disk/unpack', 'oss', 'ecs', 'credentials', 'cloud'];

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
  only(['src/index.ts'], 'index starts the action', '\\./action/[^/]*'),
  only(
    ['src/action/*.ts'],
    'what talks to the runner',
    NODE,
    OWN,
    of(1, 'run', ...ROOMS),
    '\\.\\./run/undo/[^/]*',
    '@actions/core',
  ),
  only(
    ['src/action/{inputs,fields,identity,distribution}.ts'],
    'inputs touch no file and no cloud',
    NODE,
    OWN,
    '\\.\\./run/request\\.ts',
    '\\.\\./credentials/source\\.ts',
    '@actions/core',
  ),
  only(['src/action/advice.ts'], 'plain data', of(1, 'cloud'), '\\./advice/[^/]*'),
  only(['src/action/advice/*.ts'], 'plain data', OWN),
  only(['src/run/*.ts'], 'run knows no GitHub Actions', NODE, OWN, '\\./undo/[^/]*', of(1, ...ROOMS)),
  only(['src/run/content.ts'], 'run finds programs', NODE, OWN, of(1, ...ROOMS), '@actions/io'),
  only(['src/run/{request,ledger}.ts'], 'plain data', '\\.\\./credentials/source\\.ts'),
  only(
    ['src/run/undo/*.ts'],
    'undoing knows no plan',
    OWN,
    '\\.\\./(context|keys|ledger|ownership)\\.ts',
    of(2, ...ROOMS),
  ),
  only(
    ['src/oss/*.ts', 'src/ecs/*.ts', 'src/credentials/*.ts'],
    'a room knows only cloud',
    NODE,
    OWN,
    of(1, 'cloud'),
    'p-limit',
  ),
  only(['src/oss/client.ts'], 'only the OSS client knows ali-oss', NODE, OWN, of(1, 'cloud'), 'ali-oss'),
  only(['src/cloud/*.ts'], 'cloud knows nothing above it', NODE, OWN),
  only(['src/cloud/rpc.ts'], 'only the RPC client knows pop-core', NODE, OWN, '@alicloud/pop-core'),
  only(['src/disk/*.ts'], 'disk knows only Node and how to wait', NODE, OWN, '\\.\\./cloud/time\\.ts'),
  only(['src/disk/unpack/*.ts'], 'disk knows only Node', NODE, OWN, '\\.\\./[^/]*'),
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'setImmediate'],
      'no-restricted-properties': ['error', { object: 'process', property: 'env' }],
    },
  },
  { files: ['src/cloud/time.ts'], rules: { 'no-restricted-globals': 'off' } },
  { files: ['src/action/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  only(['simulator/**/*.ts'], 'the simulator shares nothing with the product', '(?!.*/(src|runner)/).*'),
  only(
    ['simulator/{world,entities,store,clock}.ts'],
    'the state of the world knows nothing above it',
    NODE,
    '\\./(clock|crc64|entities|shape|store)\\.ts',
  ),
  only(
    ['simulator/{oss,ecs}/*.ts', 'simulator/{ram,sts,oidc,metadata,rpc}.ts'],
    'a service does not know the way in',
    NODE,
    '\\.{1,2}/(?!(gateway|proxy|index|cli)\\.ts).*',
  ),
  only(['runner/*.ts'], 'the runner knows neither the product nor the cloud', NODE, OWN, 'yaml'),
);
