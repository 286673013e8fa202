import type { ImportRequest, Workflow } from '../run/request.ts';
import { readDistribution } from './distribution.ts';
import { Fields, type Form } from './fields.ts';
import { readPairs, unquote } from './hcl.ts';
import { knownSecrets, readIdentity, ROLE } from './identity.ts';
import { ignoredOptions } from './packer.ts';

/** Platforms in the API's documentation (https://help.aliyun.com/document_detail/25542.html); the list is open. */
const PLATFORMS = new Set(
  'Aliyun|Anolis|CentOS|CentOS Stream|Ubuntu|CoreOS|SUSE|OpenSUSE|Debian|FreeBSD|RedHat|Kylin|UOS|Fedora|Fedora CoreOS|AlmaLinux|Rocky Linux|Gentoo|Customized Linux|Others Linux|Windows Server 2022|Windows Server 2019|Windows Server 2016|Windows Server 2012|Windows Server 2008|Windows Server 2003|Other Windows'.split(
    '|',
  ),
);

/** What the inputs and the environment say. When there are problems the request must not be used for anything. */
export interface Inputs {
  request: ImportRequest;
  problems: string[];
  warnings: string[];
  /** To be masked before anything is printed. */
  secrets: string[];
}

/** Reads inputs and environment into a request, and finds every problem at once. Touches no file. */
export function readInputs(env: NodeJS.ProcessEnv = process.env): Inputs {
  const fields = new Fields();
  const warnings = ignoredOptions((name) => fields.isSet(name));
  const platform = fields.required('image_platform');
  if (platform !== '' && !PLATFORMS.has(platform)) {
    warnings.push(`image_platform "${platform}" is not in the documented list; ECS will decide.`);
  }
  const workflow = readWorkflow(fields, env);
  // Empty for now where a profile may name it.
  const region = fields.optional('region', REGION, env.ALICLOUD_REGION) ?? '';
  const imageName = fields.required('image_name', NAME);
  const architecture = fields.oneOf('image_architecture', ['i386', 'x86_64', 'arm64']);
  const bootMode = fields.optionalOneOf('boot_mode', ['BIOS', 'UEFI', 'UEFI-Preferred']);
  // https://help.aliyun.com/document_detail/25542.html, parameter BootMode.
  if (architecture === 'arm64' && bootMode === 'BIOS') {
    fields.problems.push('boot_mode is BIOS, but arm64 images boot only with UEFI: leave boot_mode empty.');
  }
  const identity = readIdentity(fields, env, workflow.runId);
  const request: ImportRequest = {
    path: fields.required('path'),
    region,
    bucket: fields.required('oss_bucket_name', BUCKET),
    key: fields.optional('oss_key_name', KEY),
    format: fields.optionalOneOf('format', ['RAW', 'VHD', 'QCOW2']),
    image: {
      name: imageName,
      osType: fields.oneOf('image_os_type', ['linux', 'windows']),
      platform,
      architecture,
      description: fields.optional('image_description', DESCRIPTION),
      systemSize: fields.wholeNumber('image_system_size', 1, 2048, 'GiB'),
      tags: readTags(fields),
      resourceGroup: fields.optional('resource_group_id', RESOURCE_GROUP),
      family: fields.optional('target_image_family', FAMILY),
      bootMode,
      licenseType: fields.optionalOneOf('license_type', ['Auto', 'Aliyun', 'BYOL']),
      detection: fields.optionalOneOf('detection_strategy', ['Standard']),
      nvme: fields.optionalOneOf('nvme_support', ['supported', 'unsupported']),
      imds: fields.optionalOneOf('imds_support', ['v1', 'v2']),
    },
    dataDisks: fields.list('data_disk_paths', ANY, '\n'),
    distribution: readDistribution(fields, region, imageName, NAME),
    forceDelete: fields.flag('image_force_delete', false),
    forceDeleteSnapshots: fields.flag('image_force_delete_snapshots', false),
    reuseIdentical: fields.flag('reuse_identical_image', false),
    dryRun: fields.flag('dry_run', false),
    skipClean: fields.flag('skip_clean', false),
    keepInput: fields.flag('keep_input_artifact', true),
    importRole: fields.optional('import_role_name', ROLE),
    timeout: (fields.wholeNumber('timeout_minutes', 1, 10_080, 'minutes') ?? 120) * 60_000,
    identity,
    hosts: {
      ecs: fields.optional('custom_endpoint_ecs', HOST),
      oss: fields.optional('custom_endpoint_oss', HOST),
      ram: fields.optional('custom_endpoint_ram', HOST),
      sts: fields.optional('custom_endpoint_sts', HOST),
    },
    workflow,
  };
  return { request, problems: fields.problems, warnings, secrets: knownSecrets(fields, env) };
}

/** Of all inputs the credentials alone, which the post step needs again. */
export function readCredentials(env: NodeJS.ProcessEnv = process.env) {
  const fields = new Fields();
  const runId = env.GITHUB_RUN_ID ?? '0';
  const identity = readIdentity(fields, env, runId);
  return { identity, problems: fields.problems, secrets: knownSecrets(fields, env), runId };
}

const REGION: Form = { test: /^[a-z]{2,}(-[a-z0-9]+)+$/, meaning: 'a region id such as cn-beijing' };
const BUCKET: Form = {
  test: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  meaning: 'a bucket name: 3 to 63 lower-case letters, digits and hyphens, no hyphen at an end',
};
/** https://help.aliyun.com/document_detail/25542.html, parameter ImageName. */
const NAME: Form = {
  test: /^(?!aliyun|acs:|https?:\/\/)[A-Za-z\p{Script=Han}][\p{L}\p{N}.:_-]{1,127}$/u,
  meaning:
    'an image name: 2 to 128 letters, digits, ".", ":", "_" and "-", a letter first, and not aliyun, acs:, http:// or https:// first',
};
const DESCRIPTION: Form = {
  test: /^(?!https?:\/\/).{2,256}$/su,
  meaning: 'a description: 2 to 256 characters, and not http:// or https:// first',
};
/** A client that resolves `.` and `..` in the path of a URL would address another object. */
const KEY: Form = {
  test: (key) => Buffer.byteLength(key) <= 1023 && !/^[/\\]|\p{Cc}|(^|\/)\.{1,2}(\/|$)/u.test(key),
  meaning:
    'an object key: at most 1023 bytes, no "/" or "\\" first, no control characters, and no segment that is "." or ".."',
};
const ANY: Form = { test: /./, meaning: 'a path' };
const RESOURCE_GROUP: Form = { test: /^rg-\w+$/, meaning: 'the id of a resource group, such as rg-bp67acfmxazb4p****' };
const FAMILY: Form = {
  test: /^(?!aliyun|acs:|https?:\/\/)[A-Za-z\p{Script=Han}][\p{L}\p{N}:_-]{1,127}$/u,
  meaning: 'an image family: 2 to 128 letters, digits, ":", "_" and "-", a letter first, and not aliyun or acs: first',
};
const HOST: Form = {
  test: /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:\d{1,5})?$/i,
  meaning: 'a host name, with or without https://',
  strip: /^https:\/\/|\/$/gi,
};

/** The tag rules of https://help.aliyun.com/document_detail/25542.html; the prefix alicloud-import is ours. */
const TAG: Form = {
  test: /^(?!aliyun|acs:|alicloud-import|\{)(?!.*https?:\/\/)[^=]{1,128}=(?!acs:)(?!.*https?:\/\/).{0,128}$/su,
  meaning:
    'a tag key=value: key and value of at most 128 characters, without http:// and https://, ' +
    'the key not aliyun, acs: or alicloud-import first, the value not acs: first',
};

/** One `key=value` a line, or as in HCL; 20 are the most that ECS takes, and three are ours. */
function readTags(fields: Fields): Record<string, string> {
  const text = fields.text('tags');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const plain = () => lines.map((line) => (/^([^=]*)=(.*)$/s.exec(line) ?? ['', line, undefined]).slice(1));
  const pairs = (readPairs(text) ?? plain()).map(([key = '', value]) => {
    const pair = [key.trim(), ...(value === undefined ? [] : [unquote(value.trim())])];
    fields.formed('tags', pair.join('='), TAG);
    return pair;
  });
  const keys = new Set(pairs.map(([key = '']) => key.toLowerCase()));
  if (keys.size < pairs.length)
    fields.problems.push('tags names a key twice (ECS does not tell upper from lower case).');
  if (pairs.length > 17) fields.problems.push('tags has more than 17 entries; ECS takes 20, and three are ours.');
  return Object.fromEntries(pairs) as Record<string, string>;
}

function readWorkflow(fields: Fields, env: NodeJS.ProcessEnv): Workflow {
  return {
    server: env.GITHUB_SERVER_URL ?? '',
    repository: env.GITHUB_REPOSITORY ?? 'local/run',
    runId: env.GITHUB_RUN_ID ?? '0',
    // Other runners may leave it empty or set something else; a mark holds at most nine digits.
    attempt: /^[1-9]\d{0,8}$/.test(env.GITHUB_RUN_ATTEMPT ?? '') ? Number(env.GITHUB_RUN_ATTEMPT) : 1,
    job: env.GITHUB_JOB ?? '',
    matrix: fields.text('job_matrix'),
    step: env.GITHUB_ACTION ?? '',
    workspace: env.GITHUB_WORKSPACE ?? '.',
  };
}
