// Which way imports go, checked by dependency-cruiser: native ◄ workers ◄ services, with metrics beside them and test above all.
// test/tooling/import-rules.test.ts proves that each of these rules bites.

const tests = ['^test/', '[.]test[.]ts$']
const anyFolder = ['native', 'workers', 'services', 'metrics', 'test', 'deploy']

/** `folder` may import itself and `allowed`, and none of the others. */
const mayImport = (folder, allowed) => ({
  name: `${folder}-imports`,
  comment: `${folder}/ may import ${allowed.length > 0 ? allowed.join(', ') : 'none of the other folders'}.`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: { path: `^(${anyFolder.filter((other) => other !== folder && !allowed.includes(other)).join('|')})/` },
})

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    mayImport('native', []),
    mayImport('metrics', []),
    mayImport('deploy', []),
    mayImport('workers', ['native', 'metrics']),
    mayImport('services', ['native', 'workers', 'metrics']),
    {
      name: 'no-circular',
      comment:
        'Two modules that need each other are one module, or lack a third. Types count: a cycle of types is a cycle to a reader.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'What is shipped (with it the benchmark) may import only what package.json lists under dependencies.',
      severity: 'error',
      // Pages, and the list of what a thread loads, are put together when they are built: what they are made of is in there.
      from: {
        path: '^(native|workers|services|metrics|test/bench)/',
        pathNot: '^((metrics|services/report)/page/|workers/build-start[.]mjs$)',
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm'] },
    },
    {
      name: 'no-unlisted',
      comment: 'A package that package.json does not list.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import of something that is not there.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-deprecated-core',
      comment: 'A module of Node that is on its way out.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['core'], path: '^(domain|constants|sys|punycode|_linklist|_stream_wrap)$' },
    },
    {
      name: 'no-orphans',
      comment:
        'A module which imports nothing and which nothing imports. Started by path instead? Then it belongs in this list.',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: [...tests, '[.]d[.]m?ts$', '^native/build-addon[.]mjs$', '^native/probe-child[.]ts$'],
      },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^native/build/', '^native/build-[^/]+/', '^dist/'] },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
