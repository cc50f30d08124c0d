import { lazy } from 'react';
import { Route, Routes } from 'react-router';
import { NotFound } from './NotFound';
import { RequireSession } from './RequireSession';
import { Shell } from './Shell';

/* One chunk per page: nobody downloads the wallet to watch a clip. */
const Feed = lazy(async () => ({ default: (await import('../features/feed/FeedPage')).FeedPage }));
const Work = lazy(async () => ({ default: (await import('./routes/WorkRoute')).WorkRoute }));
const Create = lazy(async () => ({ default: (await import('../features/create/CreatePage')).CreatePage }));
const Generation = lazy(async () => ({ default: (await import('./routes/GenerationRoute')).GenerationRoute }));
const Generations = lazy(async () => ({ default: (await import('../features/create/GenerationsPage')).GenerationsPage }));
const Wallet = lazy(async () => ({ default: (await import('../features/wallet/WalletPage')).WalletPage }));
const SandboxCheckout = lazy(async () => ({ default: (await import('../features/wallet/SandboxCheckoutPage')).SandboxCheckoutPage }));
const Login = lazy(async () => ({ default: (await import('../features/auth/LoginPage')).LoginPage }));
const Register = lazy(async () => ({ default: (await import('../features/auth/RegisterPage')).RegisterPage }));
const Settings = lazy(async () => ({ default: (await import('../features/auth/SettingsPage')).SettingsPage }));

export function App() {
  return (
    <Routes>
      <Route element={<Shell />}>
        <Route index element={<Feed />} />
        <Route path="w/:id" element={<Work />} />
        <Route path="login" element={<Login />} />
        <Route path="register" element={<Register />} />
        <Route element={<RequireSession />}>
          <Route path="create" element={<Create />} />
          <Route path="g/:id" element={<Generation />} />
          <Route path="generations" element={<Generations />} />
          <Route path="wallet" element={<Wallet />} />
          <Route path="sandbox/checkout/:orderId" element={<SandboxCheckout />} />
          <Route path="settings/sessions" element={<Settings />} />
        </Route>
        <Route path="*" element={<NotFound />} />
      </Route>
    </Routes>
  );
}
