import https from 'node:https';
import { CloudError } from './errors.ts';

/**
 * Opens the agent that all clients share. It keeps connections alive and follows HTTPS_PROXY and NO_PROXY, in upper or
 * lower case. `proxyEnv` is Node's own (https://nodejs.org/api/http.html#built-in-proxy-support, since 24.5).
 * @param node - version of Node, such as `24.11.1`
 * @throws CloudError `InvalidProxy`; `ProxyNeedsNewerRunner` if this version of Node would silently bypass the proxy
 */
export function openAgent(environment: NodeJS.ProcessEnv, node = process.versions.node): https.Agent {
  const name = environment.https_proxy ? 'https_proxy' : 'HTTPS_PROXY';
  const proxy = environment[name] ?? '';
  if (proxy !== '' && !isProxy(proxy)) {
    throw new CloudError('proxy', 'InvalidProxy', `${name} is not of the form http://[user:password@]host:port`);
  }
  if (proxy !== '' && !hasProxyEnv(node)) {
    throw new CloudError(
      'proxy',
      'ProxyNeedsNewerRunner',
      `${name} is set, and Node ${node} of this runner ignores it`,
    );
  }
  return new https.Agent({
    keepAlive: true,
    keepAliveMsecs: 30_000,
    // Ends a tunnel through a proxy that does not answer, and idle connections.
    timeout: 30_000,
    scheduling: 'lifo',
    proxyEnv: { HTTPS_PROXY: proxy, NO_PROXY: withSubdomains(environment.no_proxy || environment.NO_PROXY || '') },
  });
}

/** `proxyEnv` needs Node 24.5, which runner 2.328.0 ships; 2.327.1 has 24.4 (externals.sh of actions/runner). */
function hasProxyEnv(node: string): boolean {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 5);
}

function isProxy(text: string): boolean {
  const { protocol = '', hostname = '', username = '', password = '' } = URL.parse(text) ?? {};
  const decodes = !/%(?![0-9a-f]{2})/i.test(username + password);
  return /^https?:$/.test(protocol) && hostname !== '' && decodes;
}

/**
 * Node reads `aliyuncs.com` in NO_PROXY as this host alone; curl, git and GitHub's libraries include its subdomains.
 * Libraries such as proxy-from-env decide for one URL and cannot be used with Node's agent, which takes the list.
 */
function withSubdomains(names: string): string {
  return names
    .split(/[\s,]+/)
    .flatMap((name) => (/^[a-z]/i.test(name) ? [name, `.${name}`] : [name]))
    .join(',');
}
