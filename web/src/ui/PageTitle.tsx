import { useEffect } from 'react';

const site = 'SkyRiff';

/** The name of the page in the browser's tab, until the page goes. */
export function PageTitle({ text }: { text: string }) {
  useEffect(() => {
    document.title = `${text} · ${site}`;
    return () => {
      document.title = site;
    };
  }, [text]);
  return null;
}
