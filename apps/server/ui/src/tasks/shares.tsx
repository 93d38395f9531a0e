/** Names with their probabilities, as bars. */

interface SharesProps {
  label: string;
  shares: readonly { name: string; share: number }[];
  /** Whether the names are tokens. */
  isCode?: boolean;
}

export function Shares({ label, shares, isCode = false }: SharesProps) {
  return (
    <div class="shares">
      <p>{label}</p>
      <ol>
        {shares.map(({ name, share }) => (
          <li key={name}>
            {isCode ? <code>{name}</code> : <span>{name}</span>}
            <meter min={0} max={1} value={share} aria-label={`probability of ${name}`} />
            <span class="number">{(100 * share).toFixed(share < 0.1 ? 1 : 0)} %</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
