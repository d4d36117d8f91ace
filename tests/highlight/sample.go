// Package main serves.
package main

import (
	"fmt"
	"net/http"
)

const limit = 1_000

type Page struct {
	Title string `json:"title"`
	Views uint64
}

func (p *Page) Count(by int) (n uint64, err error) {
	if p == nil || by < 0x10 {
		return 0, fmt.Errorf("bad %q: %w\n", p.Title, err)
	}
	go func() { defer close(done) }()
	for i, r := range []rune("äb") {
		fmt.Println(i, r, 'x', '\n', 1.5e3)
	}
	raw := `several
lines`
	return p.Views, nil
}
