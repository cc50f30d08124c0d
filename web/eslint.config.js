import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const features = ['auth', 'create', 'feed', 'player', 'wallet'];

// shared (api, ui) -> features -> app. A feature never imports another; the app composes them. Cycles are caught by tests/house.test.ts.
const zone = (folder, forbidden) => ({
  files: [`src/${folder}/**/*.{ts,tsx}`],
  rules: { 'no-restricted-imports': ['error', { patterns: forbidden.map(([regex, message]) => ({ regex, message })) }] },
});
const app = ['/app/', 'Only the app knows the app.'];
const zones = [
  zone('ui', [app, ['/features/', 'The design system knows no feature.'], ['/api/', 'The design system does not know the API.']]),
  zone('api', [app, ['/features/', 'The client knows no feature.'], ['/ui/', 'The client draws nothing.']]),
  ...features.map((feature) =>
    zone(`features/${feature}`, [
      app,
      [`^\\.\\./(?!\\.\\./)|/features/(?!${feature}/)`, 'Features do not import each other: compose them in src/app/routes.'],
    ]),
  ),
];

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.ts'] },
  {
    files: ['src/**/*.{ts,tsx}', 'tests/**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'react-hooks': reactHooks },
    rules: {
      ...reactHooks.configs.recommended.rules,
      'no-duplicate-imports': ['error', { allowSeparateTypeImports: true }],
      'no-restricted-syntax': ['error', { selector: 'ExportAllDeclaration', message: 'No barrel files: import from the file that defines it.' }],
      'no-restricted-globals': ['error', { name: 'localStorage', message: 'Only the session hint lives there (api/session-hint.ts).' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/consistent-indexed-object-style': 'off',
    },
  },
  ...zones,
  {
    files: ['tests/**/*.{ts,tsx}'],
    rules: { 'no-restricted-globals': 'off' },
  },
  {
    files: ['tests/**/*.mjs'],
    extends: [tseslint.configs.recommended],
  },
);
