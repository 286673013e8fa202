import https from 'node:https';
import { CloudError } from './errors.ts';

/**
 * The one agent of all clients: kept alive, and honouring HTTPS_PROXY and NO_PROXY in both spellings.
 * `proxyEnv` is Node's own (https://nodejs.org/api/http.html#built-in-proxy-support, since 24.5).
 * @param node - version of Node, such as `24.11.1`
 * @throws CloudError `InvalidProxy`, `ProxyNeedsNewerRunner` where Node would silently go past the proxy
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
    // For a tunnel through a proxy that never answers, and for connections that nobody uses.
    timeout: 30_000,
    scheduling: 'lifo',
    proxyEnv: { HTTPS_PROXY: proxy, NO_PROXY: withSubdomains(environment.no_proxy || environment.NO_PROXY || '') },
  });
}

/** Runner 2.327.1 ships Node 24.4, runner 2.328.0 ships 24.5 (externals.sh of actions/runner). */
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
 * To Node `aliyuncs.com` is that host alone; to curl, git and GitHub's own libraries it is all below it as well. A library
 * does not fit here: proxy-from-env and its like answer for one URL, and the agent that Node offers takes the list itself.
 */
function withSubdomains(names: string): string {
  return names
    .split(/[\s,]+/)
    .flatMap((name) => (/^[a-z]/i.test(name) ? [name, `.${name}`] : [name]))
    .join(',');
}
