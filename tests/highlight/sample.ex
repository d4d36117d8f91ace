defmodule Tally.Page do
  @moduledoc """
  A #{1 + 1} page.
  """
  use Ecto.Schema
  alias Tally.{Repo, Event}

  @limit 10
  # A comment
  @spec count(map(), integer()) :: {:ok, integer()} | :error
  def count(%{title: title} = page, by \\ 1) when by > 0 do
    words = ~w(a b c)
    case Regex.run(~r/^\d+$/, title) do
      nil -> {:error, "no #{title}\n"}
      [_ | _] -> page |> Map.get(:views, 0) |> Kernel.+(by)
    end
  end

  defp draft?(page), do: page.draft == true
end
