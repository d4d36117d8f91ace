using System.Linq;

namespace Tally;

[Serializable]
public record Page(string Title, int Views = 0)
{
    #region Counting
    public async Task<int?> CountAsync<T>(IEnumerable<T> items) where T : class
    {
        var text = $"Views of {Title}: {Views + items.Count():N0}\n";
        var path = @"C:\pages\""x""";
        var found = from p in items where p != null select p;
        return await Task.FromResult(found.Any() ? 0x1F : default(int?)); // done
    }
    #endregion
}
