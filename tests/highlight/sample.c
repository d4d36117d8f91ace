#include <stdio.h>
#include "page.h"
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* A comment
 * of lines. */
typedef struct page {
    const char *title;
    uint64_t views;
} page_t;

static int count(page_t *page, size_t by) {
    char c = '\0';
    if (page == NULL || by < 0x1fUL) {
        fprintf(stderr, "bad: %s\n", page->title);
        return -1;
    }
    for (int i = 0; i < MAX(2, 3); i++) page->views += i; // add
    return sizeof(page_t);
}
