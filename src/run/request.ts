/** Where resources are made; the post step needs this to find them again. */
export interface Place {
  region: string;
  bucket: string;
  /** Host names that replace the default endpoints. */
  hosts: Record<'ecs' | 'oss' | 'ram' | 'sts', string | undefined>;
}

/** All inputs and the environment, checked. */
export interface ImportRequest extends Place {
  path: string;
  /** Undefined: derived from image name, execution and format. */
  key: string | undefined;
  format: 'RAW' | 'VHD' | 'QCOW2' | undefined;
  image: {
    name: string;
    osType: string;
    platform: string;
    architecture: string;
    description: string | undefined;
    /** GiB. */
    systemSize: number | undefined;
    /** The user's tags, without the action's own. */
    tags: Record<string, string>;
    resourceGroup: string | undefined;
    family: string | undefined;
    bootMode: 'BIOS' | 'UEFI' | 'UEFI-Preferred' | undefined;
    licenseType: string | undefined;
    detection: string | undefined;
    nvme: string | undefined;
    imds: string | undefined;
  };
  /** Paths of further disks, each found as `path` is. */
  dataDisks: string[];
  distribution: Distribution;
  forceDelete: boolean;
  forceDeleteSnapshots: boolean;
  reuseIdentical: boolean;
  dryRun: boolean;
  skipClean: boolean;
  keepInput: boolean;
  importRole: string | undefined;
  /** Longest time of each wait for an image, in ms. */
  timeout: number;
  workflow: Workflow;
}

/** Copies, encryption and sharing of the image. */
export interface Distribution {
  /** The copies to make, in this order. */
  copies: { region: string; name: string; kmsKeyId: string | undefined }[];
  /** Whether the image itself, and with it each copy, is encrypted. */
  encrypted: boolean;
  /** KMS key in the image's own region; undefined: the service's default key. */
  kmsKeyId: string | undefined;
  /** Account ids that the image and its copies are shared with. */
  accounts: string[];
}

/** The step of the workflow run (https://docs.github.com/actions/reference/workflows-and-actions/variables). */
export interface Workflow {
  server: string;
  repository: string;
  runId: string;
  /** Counts from 1; higher when the run was re-run. */
  attempt: number;
  job: string;
  /** The job's matrix as JSON, `null` without one: GITHUB_JOB is the same for all jobs of a matrix. */
  matrix: string;
  step: string;
  workspace: string;
}
