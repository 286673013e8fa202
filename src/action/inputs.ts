import { getInput } from '@actions/core';
import type { ImportRequest, Workflow } from '../run/request.ts';
import type { Caller } from './caller.ts';
import { readDistribution } from './distribution.ts';
import type { Fields, Form } from './fields.ts';
import { readPairs } from './hcl.ts';
import { environmentValue, ROLE } from './identity.ts';
import { ignoredOptions } from './packer.ts';

/** Platforms in the API's documentation (https://help.aliyun.com/document_detail/25542.html); the list is open. */
const PLATFORMS =
  'Aliyun|Anolis|CentOS|CentOS Stream|Ubuntu|CoreOS|SUSE|OpenSUSE|Debian|FreeBSD|RedHat|Kylin|UOS|Fedora|Fedora CoreOS|AlmaLinux|Rocky Linux|Gentoo|Customized Linux|Others Linux|Windows Server 2022|Windows Server 2019|Windows Server 2016|Windows Server 2012|Windows Server 2008|Windows Server 2003|Other Windows'.split(
    '|',
  );

/**
 * Reads inputs and environment into a request, and finds every problem at once. With problems, the request must not be
 * used for anything in the cloud.
 */
export function readInputs(
  fields: Fields,
  { profileRegion, dryRun }: Pick<Caller, 'profileRegion' | 'dryRun'>,
  env: NodeJS.ProcessEnv = process.env,
): { request: ImportRequest; warnings: string[] } {
  const warnings = ignoredOptions((name) => fields.isSet(name));
  const platform = readPlatform(fields, warnings);
  const region = readRegion(fields, env, profileRegion);
  const imageName = fields.required('image_name', NAME);
  const architecture = fields.oneOf('image_architecture', ['i386', 'x86_64', 'arm64']);
  const bootMode = fields.optionalOneOf('boot_mode', ['BIOS', 'UEFI', 'UEFI-Preferred']);
  // https://help.aliyun.com/document_detail/25542.html, parameter BootMode.
  if (architecture === 'arm64' && bootMode === 'BIOS') {
    fields.problems.push('boot_mode is BIOS, but arm64 images boot only with UEFI: leave boot_mode empty.');
  }
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
    dataDisks: fields.list('data_disk_paths', PATH, '\n'),
    distribution: readDistribution(fields, region, imageName, NAME),
    forceDelete: fields.flag('image_force_delete', false),
    forceDeleteSnapshots: fields.flag('image_force_delete_snapshots', false),
    reuseIdentical: fields.flag('reuse_identical_image', false),
    dryRun,
    skipClean: fields.flag('skip_clean', false),
    keepInput: fields.flag('keep_input_artifact', true),
    importRole: fields.optional('import_role_name', ROLE),
    timeout: (fields.wholeNumber('timeout_minutes', 1, 10_080, 'minutes') ?? 120) * 60_000,
    hosts: {
      ecs: fields.optional('custom_endpoint_ecs', HOST),
      oss: fields.optional('custom_endpoint_oss', HOST),
      ram: fields.optional('custom_endpoint_ram', HOST),
      sts: fields.optional('custom_endpoint_sts', HOST),
    },
    workflow: readWorkflow(env),
  };
  return { request, warnings };
}

/** The first of input, environment and profile that has a region. */
function readRegion(fields: Fields, env: NodeJS.ProcessEnv, profileRegion = ''): string {
  if (getInput('region') !== '') return fields.required('region', REGION);
  const variable = environmentValue(env, 'ALICLOUD_REGION');
  if (variable !== '') return fields.formed('ALICLOUD_REGION', variable, REGION);
  if (profileRegion !== '') return fields.formed('region_id of the profile', profileRegion, REGION);
  fields.problems.push('region is missing: the input, ALICLOUD_REGION and the profile are all empty.');
  return '';
}

/** In the documented spelling if the platform is in the list; a different one is for ECS to judge. */
function readPlatform(fields: Fields, warnings: string[]): string {
  const given = fields.required('image_platform');
  const documented = PLATFORMS.find((one) => one.toLowerCase() === given.toLowerCase());
  if (given !== '' && documented === undefined) {
    warnings.push(`image_platform "${given}" is not in the documented list. ECS decides whether to accept it.`);
  }
  return documented ?? given;
}

const REGION: Form = { test: /^[a-z]{2,}(-[a-z0-9]+)+$/, meaning: 'a region id such as cn-beijing' };
const BUCKET: Form = {
  test: /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/,
  meaning: 'a bucket name: 3 to 63 lower-case letters, digits and hyphens, without a hyphen at either end',
};
/** https://help.aliyun.com/document_detail/25542.html, parameter ImageName. */
const NAME: Form = {
  test: /^(?!aliyun|acs:|https?:\/\/)[A-Za-z\p{Script=Han}][\p{L}\p{N}.:_-]{1,127}$/u,
  meaning:
    'an image name: 2 to 128 letters, digits, ".", ":", "_" and "-", starting with a letter, but not with aliyun, acs:, http:// or https://',
};
const DESCRIPTION: Form = {
  test: /^(?!https?:\/\/).{2,256}$/su,
  meaning: 'a description: 2 to 256 characters, not starting with http:// or https://',
};
/** A client that resolves `.` and `..` in the path of a URL would address another object. */
const KEY: Form = {
  test: (key) => Buffer.byteLength(key) <= 1023 && !/^[/\\]|[\p{Cc}\p{Cf}]|(^|\/)\.{1,2}(\/|$)/u.test(key),
  meaning:
    'an object key: at most 1023 bytes, not starting with "/" or "\\", without control characters, and without a segment "." or ".."',
};
const PATH: Form = { test: /./, meaning: 'a path' };
const RESOURCE_GROUP: Form = { test: /^rg-\w+$/, meaning: 'the id of a resource group, such as rg-bp67acfmxazb4p****' };
const FAMILY: Form = {
  test: /^(?!aliyun|acs:|https?:\/\/)[A-Za-z\p{Script=Han}][\p{L}\p{N}:_-]{1,127}$/u,
  meaning:
    'an image family: 2 to 128 letters, digits, ":", "_" and "-", starting with a letter, but not with aliyun or acs:',
};
const HOST: Form = {
  test: (host) =>
    /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:\d+)?$/i.test(host) &&
    URL.canParse(`https://${host}`),
  meaning: 'a host name, optionally with https:// and a port',
  strip: /^https:\/\/|\/$/gi,
};

/** The tag rules of https://help.aliyun.com/document_detail/25542.html; this action uses the prefix alicloud-import. */
const TAG: Form = {
  test: /^(?!aliyun|acs:|alicloud-import|\{)(?!.*https?:\/\/)[^=]{1,128}=(?!acs:|")(?!.*https?:\/\/).{0,128}$/su,
  meaning:
    'a tag key=value: key and value have at most 128 characters and no http:// or https://, ' +
    'the key does not start with aliyun, acs: or alicloud-import, the value not with acs: or a quotation mark',
};

/** One `key=value` a line, or a map of HCL or JSON. ECS accepts 20 tags, and this action adds three. */
function readTags(fields: Fields): Record<string, string> {
  const text = fields.text('tags');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const plain = () => lines.map((line) => (/^([^=]*)=(.*)$/s.exec(line) ?? ['', line]).slice(1));
  const pairs = (readPairs(text) ?? plain()).map((written) => {
    const pair = written.map((part) => fields.value('tags', part.trim()));
    fields.formed('tags', pair.join('='), TAG);
    return pair;
  });
  const keys = new Set(pairs.map(([key = '']) => key.toLowerCase()));
  if (keys.size < pairs.length) fields.problems.push('tags has a key twice (upper and lower case count as the same).');
  if (pairs.length > 17)
    fields.problems.push('tags has more than 17 entries. ECS accepts 20, and this action adds three.');
  return Object.fromEntries(pairs) as Record<string, string>;
}

function readWorkflow(env: NodeJS.ProcessEnv): Workflow {
  return {
    server: env.GITHUB_SERVER_URL ?? '',
    repository: env.GITHUB_REPOSITORY ?? 'local/run',
    runId: env.GITHUB_RUN_ID ?? '0',
    // Other runners may leave it empty or set something else; a mark holds at most nine digits.
    attempt: /^[1-9]\d{0,8}$/.test(env.GITHUB_RUN_ATTEMPT ?? '') ? Number(env.GITHUB_RUN_ATTEMPT) : 1,
    job: env.GITHUB_JOB ?? '',
    // Read as it is: JSON of the workflow may contain anything, also what looks like a template.
    matrix: getInput('job_matrix'),
    step: env.GITHUB_ACTION ?? '',
    workspace: env.GITHUB_WORKSPACE ?? '.',
  };
}
