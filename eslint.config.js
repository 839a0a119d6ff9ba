// What the linter insists on beyond the compiler: promises that are dropped, types that are switched off, tests that never run.
import eslint from '@eslint/js'
import { defineConfig } from 'eslint/config'
import typescript from 'typescript-eslint'

/** Node's globals which plain JavaScript files here use; TypeScript files have the compiler for this. */
const nodeGlobals = Object.fromEntries(
  ['process', 'console', 'module', 'Buffer', 'URL', 'performance', 'setTimeout', 'clearTimeout'].map((name) => [
    name,
    true,
  ]),
)

/** Ways around the rules that no preset forbids. */
const forbiddenSyntax = [
  {
    selector: 'TSAsExpression > TSAsExpression[typeAnnotation.type="TSUnknownKeyword"]',
    message: 'A cast by way of unknown switches the type off. Narrow it with a check, or type the source.',
  },
  {
    selector: 'CallExpression MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo)$/]',
    message: 'A test that never runs, or runs alone. Use skipIf with a condition that a reader can check.',
  },
]

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'native/build/', 'native/build-*/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', ...forbiddenSyntax],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'anywhere' }],
      'object-shorthand': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [typescript.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/ban-ts-comment': [
        'error',
        { 'ts-expect-error': 'allow-with-description', 'ts-ignore': true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // What was caught is passed on as it is: making an Error of it would hide what it was.
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // Off: under noUncheckedIndexedAccess every typed-array read is `number | undefined`, and the hot path reads words it has laid out.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // A leading underscore says that a position is needed and the value is not.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Fakes implement asynchronous interfaces without waiting for anything.
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs'], languageOptions: { globals: nodeGlobals } },
)
