import Foundation

@MainActor
final class Page: ObservableObject {
    @Published private(set) var views = 0
    let title: String?

    func count(by step: Int = 1) async throws -> Bool {
        guard let title, step > 0 else { throw PageError.empty }
        let text = "Views of \(title): \(views + (step * 2))\n"
        let raw = #"raw \n \#(views)"#
        let long = """
            Several "lines"
            """
        /* outer /* inner */ outer */
        #if DEBUG
        print(text, raw, long)
        #endif
        return views == 0x1F ? true : nil
    }
}
