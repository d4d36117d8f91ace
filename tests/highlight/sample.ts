import type { Page } from "./page";

interface Store<T extends object> {
  readonly items: Map<string, T>;
  get(key: string): T | undefined;
}

enum Kind { Post = "post", Page = "page" }

@Injectable()
export abstract class Pages implements Store<Page> {
  private cache?: Record<string, unknown> = {};
  constructor(protected readonly url: URL) { super(); }
  async find<K extends keyof Page>(key: K): Promise<Page[K]> {
    const found = <Page>this.items.get(`${this.url}/${key}`);
    return found![key] satisfies unknown as never;
  }
}
type Id = `page-${number}`;
const big = 1_000n;
