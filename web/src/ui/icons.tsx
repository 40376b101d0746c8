export function TwoPhones() {
  return (
    <svg class="icon" viewBox="0 0 40 32" aria-hidden="true" focusable="false">
      <rect x="3" y="3" width="14" height="26" rx="3.5" />
      <rect x="23" y="3" width="14" height="26" rx="3.5" />
      <path d="M8.5 24.5h3M28.5 24.5h3" />
    </svg>
  );
}

export function OnePhone() {
  return (
    <svg class="icon" viewBox="0 0 40 32" aria-hidden="true" focusable="false">
      <rect x="13" y="3" width="14" height="26" rx="3.5" />
      <path d="M18.5 24.5h3M7 12c-2 2.5-2 5.5 0 8M33 12c2 2.5 2 5.5 0 8" />
    </svg>
  );
}

export function JoinPhone() {
  return (
    <svg class="icon" viewBox="0 0 40 32" aria-hidden="true" focusable="false">
      <rect x="23" y="3" width="14" height="26" rx="3.5" />
      <path d="M28.5 24.5h3M3 16h13M11 11l5 5-5 5" />
    </svg>
  );
}
