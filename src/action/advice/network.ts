import type { Advice } from './entry.ts';

/** The line between runner and cloud. */
export const NETWORK: Advice[] = [
  {
    codes: ['InvalidTimeStamp.Expired', 'RequestTimeTooSkewed'],
    cause:
      "This machine's clock is wrong by more than the service allows, and correcting the time of the request did not help.",
    fix: 'Synchronize the clock of the runner (NTP).',
  },
  {
    codes: ['OutOfTime'],
    cause: 'There was no time left for this step.',
    fix: 'Run again; what is left is named in the log.',
  },
  {
    codes: ['Throttling', 'Throttling.User', 'Throttling.Api', 'Rejected.Throttling'],
    cause: 'Too many calls for this account.',
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
    cause: 'The service was not reached.',
    fix: 'Check the network of the runner, region, and HTTPS_PROXY.',
  },
  {
    codes: ['InvalidProxy'],
    cause: 'The proxy setting is not a valid URL, so requests would silently bypass the proxy.',
    fix: 'Write it as http://user:password@host:port, with %40 for an @ in the password.',
  },
  {
    codes: ['ProxyNeedsNewerRunner'],
    cause: 'The Node of this runner is older than 24.5, the first version whose requests can use a proxy.',
    fix: 'Update the self-hosted runner to 2.328.0 or later. If the cloud can be reached without the proxy, empty HTTPS_PROXY for this step.',
  },
  {
    codes: ['ERR_PROXY_TUNNEL'],
    cause: 'The proxy of HTTPS_PROXY refused the connection.',
    fix: 'Check user and password in it, allow the host in the proxy, or name the host in NO_PROXY.',
  },
  {
    codes: ['UnexpectedAnswer'],
    cause: 'Something between the runner and the cloud answered instead of the service.',
    fix: 'Check HTTPS_PROXY and the custom endpoints.',
  },
  {
    codes: ['InvalidRequest'],
    cause: 'Node refused to send the request.',
    fix: 'Check the inputs and the proxy for characters that do not belong there.',
  },
];
