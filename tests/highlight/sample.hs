{-# LANGUAGE OverloadedStrings #-}
module Main (main) where

import qualified Data.Map as Map
{- outer {- inner -} outer -}
data Page a = Page { title :: String, views' :: !Int } deriving (Show, Eq)

-- | Counts.
count :: Ord a => Map.Map a Int -> [a] -> Int
count m xs = foldr step 0 xs
  where
    step x acc | x == 'q' = acc
               | otherwise = acc + 1 --> 0x1F
main = putStrLn $ "Views: " ++ show '\n' ++ "\t"
