const std = @import("std");

/// A page.
pub const Page = struct {
    title: []const u8,
    views: u64 = 0,

    pub fn count(self: *Page, by: u64) !void {
        if (by == 0) return error.Nothing;
        self.views += by * 0x1F;
        const text =
            \\several "lines"
            \\of text
        ;
        std.debug.print("{s}\n", .{text});
    }
};

test "counts" {
    var page = Page{ .title = "a" };
    try page.count('x');
}
