# A comment
library(ggplot2)
count_views <- function(pages, by = 10L, na.rm = TRUE) {
  if (is.null(pages) || nrow(pages) == 0) return(NA)
  total <- sum(pages$views, na.rm = na.rm) %/% 2
  paste0("Views: ", total, 'x\n')
}
pages |> dplyr::filter(views > 1e3)
