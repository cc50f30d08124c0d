import '@fontsource-variable/big-shoulders-display/wght';
import '@fontsource-variable/instrument-sans/wght';
import '../ui/tokens.css';
import '../ui/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';
import { QueryClientProvider } from '@tanstack/react-query';
import { session } from '../api/client';
import { newQueryClient } from '../api/query-client';
import { App } from './App';
import { LiveEvents } from './LiveEvents';

session.start();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={newQueryClient()}>
      <LiveEvents />
      <BrowserRouter>
        <App />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
