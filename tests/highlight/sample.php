<article class="post">
  <h1><?= htmlspecialchars($page->title) ?></h1>
<?php
declare(strict_types=1);

use App\Models\Page;

# a comment
final class Counter extends Base implements Countable
{
    #[Pure]
    public function __construct(private ?string $title = null) {}

    public function count(): int
    {
        $text = "Views of {$this->title}: $views\n";
        $raw = 'it\'s raw $x';
        $long = <<<HTML
            <p>$text</p>
            HTML;
        foreach ($this->items as $key => $value) {
            if ($value === null || !isset($key)) { continue; }
        }
        return count($this->items) + 0x1F; // done
    }
}
?>
</article>
