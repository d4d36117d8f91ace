# frozen_string_literal: true
require "json"

module Tally
  class Page < Base
    attr_reader :title, :views
    LIMIT = 10

    def initialize(title:, views: 0)
      @title = title
      @@count ||= 0
    end

    def draft?
      text = "Views of #{@title}: #{views.map { |v| "#{v}!" }.join(", ")}\n"
      raw = 'raw #{x}'
      words = %w[a b c]
      return nil unless title =~ /^draft[\/-]\d+/i
      sql = <<~SQL.strip
        SELECT #{views} FROM pages
      SQL
      puts sql, $stdout, :"quoted" if words.any? && !raw.empty?
      x = a ? b : c
      half = total / 2
    end
  end
end
