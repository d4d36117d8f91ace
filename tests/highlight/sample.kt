package org.example

@Serializable
data class Page(val title: String, var views: Long = 0L)

/* outer /* inner */ outer */
suspend fun Page.render(limit: Int?): String {
    val text = "Views: $views of ${limit ?: "no $limit"}\n"
    val raw = """raw \n ${title}"""
    return when (views) {
        in 0..9 -> text
        else -> listOf('a', 'b').joinToString { it.uppercase() }
    }
}
