package org.example
import scala.util.{Try, Success}

@deprecated("old", "1.0")
case class Page(title: String, views: Long = 0L) extends Base with Named:
  def count[T](by: Int)(using Ordering[T]): Either[String, Int] =
    val text = s"Views of $title: ${views + by}\n"
    val raw = """raw \n text"""
    by match
      case 0 => Left('x'.toString) // none
      case n if n > 0x1F => Right(n)
object Page:
  given Conversion[String, Page] = Page(_)
