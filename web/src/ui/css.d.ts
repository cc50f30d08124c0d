import 'react';

declare module 'react' {
  interface CSSProperties {
    [property: `--${string}`]: string | undefined;
  }
}

declare module 'hls.js/light' {
  export { default } from 'hls.js';
}
