// In what the process runs: nothing is right or wrong with it, and much of the advice depends on it.
import type { Context } from '../context.ts'
import type { Finding } from '../finding.ts'

export function checkSurroundings({ surroundings }: Context): Promise<Finding[]> {
  const { container, isKubernetes, unit, evidence } = surroundings
  const by = evidence.length === 0 ? 'no sign of any' : `by this: ${evidence.join('; ')}`
  return Promise.resolve([
    {
      id: 'surroundings.container',
      title: 'container',
      need: 'any',
      have: container ?? 'none',
      verdict: container === null ? 'ok' : 'info',
      why: container === null ? by : `${by}. Default seccomp profiles of container engines deny io_uring`,
      fix: null,
    },
    {
      id: 'surroundings.kubernetes',
      title: 'Kubernetes',
      need: 'any',
      have: isKubernetes ? 'yes' : 'no',
      verdict: isKubernetes ? 'info' : 'ok',
      why: isKubernetes
        ? 'deploy/helm has a chart that sets what rings need'
        : 'no service account, no KUBERNETES_SERVICE_HOST',
      fix: null,
    },
    {
      id: 'surroundings.unit',
      title: 'systemd unit',
      need: 'any',
      have: unit ?? 'none',
      verdict: 'ok',
      why: 'limits are written there, if it is one',
      fix: null,
    },
  ])
}
