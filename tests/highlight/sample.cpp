#include <vector>
#pragma once
namespace tally {
template <typename T, int N = 3>
class Page final : public Base {
 public:
  explicit Page(std::string title) noexcept : title_(std::move(title)) {}
  virtual ~Page() = default;
  [[nodiscard]] constexpr auto views() const -> std::size_t { return views_; }

 private:
  std::string title_{R"x(raw "text" \n)x"};
  std::size_t views_ = 1'000;
};
}  // namespace tally
int main() {
  auto f = [&](auto&& x) { return static_cast<int>(x) + 0b101; };
  for (const auto& [key, value] : pages) std::cout << key << '\n' << nullptr;
}
