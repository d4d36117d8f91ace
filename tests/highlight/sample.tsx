export const Card: React.FC<Props> = ({ title, children }: Props) => {
  const ref = useRef<HTMLDivElement>(null);
  const pick = <T,>(items: T[]): T => items[0];
  return cond ? <div ref={ref} className={`card ${title}`}>{children}</div> : null;
};
