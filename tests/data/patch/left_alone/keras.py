# case:
from keras.layers import LSTM, Dense
import keras.layers as layers

a = LSTM(16)
b = layers.LSTM(16)
