# A comment
<# several
lines #>
param([string]$Path = "$env:HOME\pages", [switch]$Force)
function Get-Page {
    $pages = Get-ChildItem -Path $Path -Filter *.md | Where-Object { $_.Length -gt 10 }
    foreach ($page in $pages) {
        Write-Host "Page: $($page.Name)" -ForegroundColor Green
    }
    $text = @"
Hello $Path
"@
    return $null
}
