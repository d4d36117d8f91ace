package org.example;

import java.util.List;

/** A page. */
@Entity(name = "page")
public sealed class Page<T extends Comparable<T>> implements Named permits Post {
    private static final int MAX_VIEWS = 1_000L;

    @Override
    public String toString() throws IOException {
        var text = """
            A "text" block
            """;
        char c = '\n';
        if (this.views >= 0x1F && !(other instanceof Post p)) {
            throw new IllegalStateException("no\ttitle");
        }
        return switch (kind) { case POST -> "post"; default -> null; };
    }
}
