import type { ComponentProps } from 'react';
import { Link } from 'react-router';
import { classes } from './classes';
import { Icon, type IconName } from './Icon';
import styles from './Button.module.css';

type Look = { look?: 'primary' | 'quiet' | 'ghost' | 'danger'; size?: 'normal' | 'large'; icon?: IconName; iconAfter?: IconName };

type ButtonProps = ComponentProps<'button'> & Look & { busy?: boolean };

/** While busy it stays focusable and says so, but does nothing: focus is not lost under the user's finger. */
export function Button({ look = 'quiet', size = 'normal', icon, iconAfter, busy = false, className, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={classes(styles.button, styles[look], styles[size], className)}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {busy ? <span className={styles.spinner} /> : icon && <Icon name={icon} />}
      <span>{children}</span>
      {iconAfter && <Icon name={iconAfter} />}
    </button>
  );
}

type ButtonLinkProps = ComponentProps<typeof Link> & Look;

export function ButtonLink({ look = 'quiet', size = 'normal', icon, iconAfter, className, children, ...rest }: ButtonLinkProps) {
  return (
    <Link {...rest} className={classes(styles.button, styles[look], styles[size], className)}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
      {iconAfter && <Icon name={iconAfter} />}
    </Link>
  );
}
