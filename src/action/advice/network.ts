import type { Advice } from './entry.ts';

/** The network between the runner and the cloud. */
export const NETWORK: Advice[] = [
  {
    codes: ['InvalidTimeStamp.Expired', 'RequestTimeTooSkewed'],
    cause:
      'The clock of the runner is wrong by more than the service allows. Correcting the time of the request did not help.',
    fix: 'Synchronize the clock of the runner (NTP).',
  },
  {
    codes: ['OutOfTime'],
    cause: 'The time limit was reached before this call could start.',
    fix: 'Run again. The warnings name what was left behind.',
  },
  {
    codes: ['Throttling', 'Throttling.User', 'Throttling.Api', 'Rejected.Throttling'],
    cause: 'The account has sent too many requests.',
    fix: 'Run again later.',
  },
  {
    codes: [
      'ENOTFOUND',
      'EAI_AGAIN',
      'ECONNREFUSED',
      'ECONNRESET',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'ETIMEDOUT',
      'EPIPE',
      'Timeout',
      'Stalled',
      'ConnectionLost',
    ],
    cause: 'The service could not be reached.',
    fix: 'Check the network of the runner, the input region, and HTTPS_PROXY. The status code 407 means that the proxy refused its user or password.',
  },
  {
    codes: ['UploadGaveUp'],
    cause: 'OSS accepted no data for too long.',
    fix: 'Run again. If it fails again, check the network of the runner and HTTPS_PROXY, or use a self-hosted runner in the region.',
  },
  {
    codes: ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'SELF_SIGNED_CERT_IN_CHAIN'],
    cause:
      'The runner does not trust the certificate, which is usually that of a proxy with its own certificate authority.',
    fix: 'Set NODE_EXTRA_CA_CERTS, in the environment of the runner or of the job, to a file with that authority.',
  },
  {
    codes: ['InvalidProxy'],
    cause: 'The proxy setting is not a valid URL, so requests would silently bypass the proxy.',
    fix: 'Write it as http://user:password@host:port, with %40 for an @ in the password.',
  },
  {
    codes: ['ProxyNeedsNewerRunner'],
    cause: 'The Node version of this runner is older than 24.5, the first one that supports a proxy.',
    fix: 'Update the self-hosted runner to 2.328.0 or later. If the cloud can be reached without the proxy, set HTTPS_PROXY to an empty value for this step.',
  },
  {
    codes: ['ERR_PROXY_TUNNEL'],
    cause: 'The proxy in HTTPS_PROXY refused the connection.',
    fix: 'Check the user and password in HTTPS_PROXY, allow the host in the proxy, or add the host to NO_PROXY.',
  },
  {
    codes: ['UnexpectedAnswer'],
    cause: 'The answer did not come from the service, but from something between the runner and the cloud.',
    fix: 'Check HTTPS_PROXY and the custom endpoints.',
  },
  {
    codes: ['InvalidRequest'],
    cause: 'The request is malformed and was not sent.',
    fix: 'Check the inputs and HTTPS_PROXY for invalid characters.',
  },
];
