" A comment
set number
let g:mapleader = ","
nnoremap <leader>w :w<CR>
function! s:Count(page) abort
  if a:page.views > 10
    echo "many"
  endif
endfunction
