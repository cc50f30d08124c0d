import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// Where `npm run dev` finds the program (`./skyriff up` serves it on 5080).
const server = process.env['SKYRIFF_URL'] ?? 'http://localhost:5080';
const proxied = Object.fromEntries(
  ['/api', '/media', '/.well-known', '/openapi', '/docs'].map((path) => [path, { target: server, changeOrigin: false }]),
);

// Cascade layers rank by first appearance, and the bundler decides which stylesheet comes first: so each one states the ranking.
const layers: Plugin = {
  name: 'layer-order',
  enforce: 'pre',
  transform: (code, id) => (/\/src\/.*\.css$/.test(id) ? `@layer reset, tokens, base, ui, feature;\n${code}` : null),
};

export default defineConfig({
  plugins: [layers, react()],
  server: { proxy: proxied },
  preview: { proxy: proxied },
  build: {
    target: 'es2022',
    // Nothing is inlined as a data: address, so that the server's content security policy can stay strict.
    assetsInlineLimit: 0,
    // What changes only with a dependency keeps its name, and stays in the browser's cache, when the app changes.
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: 'vendor', test: /node_modules\/(react|react-dom|scheduler|react-router|@tanstack)\// }] } },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.{ts,tsx}'],
    setupFiles: ['tests/setup.ts'],
    restoreMocks: true,
  },
});
