// Writes the seccomp profiles that let a container use io_uring: the engines' default one and three system calls more. Run by hand after
// moby-default.json was replaced by a newer one; test/deploy/container.test.ts compares what is committed with what this gives.
//
//   node deploy/container/seccomp/generate.mjs [FOLDER]
//
// ringmaster.json       for Docker and Podman (--security-opt seccomp=…), in moby's form: capabilities that are added bring their system calls.
// ringmaster-oci.json   for Kubernetes (localhostProfile), in the form of the OCI runtime specification, which knows no conditions on
//                       capabilities, kernel or architecture: for containers without capabilities (drop: [ALL]).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** All that Ringmaster needs and the default profile (since moby 25, containerd 2) denies. */
const names = ['io_uring_enter', 'io_uring_register', 'io_uring_setup']
const architectures = {
  amd64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
}
/** Of entries with a condition on the kernel: the oldest that Ringmaster runs on is newer than any of them asks for. */
const kernelMin = [5, 13]

const here = import.meta.dirname
const folder = process.argv[2] ?? here
const moby = JSON.parse(readFileSync(join(here, 'moby-default.json'), 'utf8'))

const allowed = moby.syscalls.flatMap((entry) =>
  entry.action === 'SCMP_ACT_ALLOW' && !entry.args?.length ? entry.names : [],
)
for (const name of names)
  if (allowed.includes(name)) throw new Error(`moby-default.json allows ${name} already: is this script needed?`)

const ours = { names, action: 'SCMP_ACT_ALLOW' }
const write = (file, profile) => writeFileSync(join(folder, file), `${JSON.stringify(profile, null, 2)}\n`)

write('ringmaster.json', { ...moby, syscalls: [...moby.syscalls, ours] })

const { defaultAction, defaultErrnoRet, syscalls } = moby
write('ringmaster-oci.json', {
  defaultAction,
  defaultErrnoRet,
  architectures: Object.values(architectures).flat(),
  syscalls: [...syscalls.filter(appliesWithoutCapabilities).map(unconditional), ours],
})

/** What holds on one of the architectures is allowed on both: a runtime passes over names that its architecture does not have. */
function appliesWithoutCapabilities({ includes = {}, excludes = {} }) {
  const wanted = Object.keys(architectures)
  const { arches = wanted, caps = [], minKernel = '0.0' } = includes
  if (caps.length > 0) return false
  const [major, minor] = minKernel.split('.').map(Number)
  if (major > kernelMin[0] || (major === kernelMin[0] && minor > kernelMin[1])) {
    throw new Error(`an entry needs Linux ${minKernel}: decide what that means for older ones`)
  }
  return wanted.some((each) => arches.includes(each) && !(excludes.arches ?? []).includes(each))
}

function unconditional({ names, action, args, errnoRet }) {
  return { names, action, ...(errnoRet !== undefined && { errnoRet }), ...(args?.length > 0 && { args }) }
}
