// In what the process runs: a container engine, Kubernetes, a unit of systemd. Used by checks/surroundings.ts, and by fixes.ts: what mends a
// limit is written in another place in each.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readText } from '../machine/text.ts'

export interface Surroundings {
  /** `docker`, `podman`, `containerd`, `lxc`, …; `container` where it is one of an unknown kind; null for none. */
  readonly container: string | null
  readonly isKubernetes: boolean
  /** The unit that systemd runs it in; null for none, or a login session. */
  readonly unit: string | null
  /** By what that was seen. */
  readonly evidence: readonly string[]
}

/** What control groups are called by those that make them. */
const groupMarks: readonly (readonly [RegExp, string])[] = [
  [/libpod|podman/, 'podman'],
  [/docker/, 'docker'],
  [/cri-containerd|containerd/, 'containerd'],
  [/crio/, 'cri-o'],
  [/\/lxc/, 'lxc'],
  [/machine\.slice\/systemd-nspawn/, 'systemd-nspawn'],
]

/** The variable `container` of process 1, set by LXC, Podman and systemd-nspawn (systemd's Container Interface); readable by root alone. */
const ofProcessOne = (root: string): string =>
  /(?:^|\0)container=([^\0]*)/.exec(readText(root, 'proc/1/environ'))?.[1] ?? ''

interface Clue {
  readonly kind: string
  readonly evidence: string
}

function containerClues(root: string, env: NodeJS.ProcessEnv): Clue[] {
  const clues: Clue[] = []
  const add = (kind: string, evidence: string): void => void clues.push({ kind, evidence })
  if (existsSync(join(root, 'run/.containerenv'))) add('podman', '/run/.containerenv')
  if (existsSync(join(root, '.dockerenv'))) add('docker', '/.dockerenv')
  const groups = readText(root, 'proc/self/cgroup')
  // With a namespace of its own the group's name is /; what is mounted under /etc/hosts still tells.
  const mounts = readText(root, 'proc/self/mountinfo')
    .split('\n')
    .filter((line) => / \/etc\/(hosts|hostname|resolv\.conf) /.test(line))
    .join('\n')
  for (const [mark, kind] of groupMarks) {
    if (mark.test(groups)) add(kind, `/proc/self/cgroup names ${kind}`)
    else if (mark.test(mounts)) add(kind, `/etc/hosts is mounted by ${kind}`)
  }
  const said = env['container'] ?? ofProcessOne(root)
  if (said !== '') add(said, `the environment says container=${said}`)
  const manager = readText(root, 'run/systemd/container')
  if (manager !== '') add(manager, '/run/systemd/container')
  if (/microsoft/i.test(readText(root, 'proc/sys/kernel/osrelease'))) add('wsl', 'the kernel is of WSL')
  return clues
}

function kubernetesClue(root: string, env: NodeJS.ProcessEnv): string | null {
  if (env['KUBERNETES_SERVICE_HOST'] !== undefined) return 'KUBERNETES_SERVICE_HOST is set'
  if (existsSync(join(root, 'var/run/secrets/kubernetes.io/serviceaccount'))) return 'there is a service account'
  return /kubepods/.test(readText(root, 'proc/self/cgroup')) ? '/proc/self/cgroup names kubepods' : null
}

export function readSurroundings(root = '/', env: NodeJS.ProcessEnv = process.env): Surroundings {
  const clues = containerClues(root, env)
  const kubernetes = kubernetesClue(root, env)
  const evidence = [...clues.map((clue) => clue.evidence), ...(kubernetes === null ? [] : [kubernetes])]
  const units = [...readText(root, 'proc/self/cgroup').matchAll(/\/([^/\n]+\.service)(?=\/|$)/gm)].map(
    ([, name = '']) => name,
  )
  // A desktop session is below its manager's unit, and what is started in it may have one of its own.
  const unit = units.filter((name) => !/^user@\d+\.service$/.test(name)).at(-1) ?? null
  const container = clues[0]?.kind ?? (kubernetes === null ? null : 'container')
  return { container, isKubernetes: kubernetes !== null, unit, evidence }
}
